"""A report's content on paper; knows neither the database nor files."""
