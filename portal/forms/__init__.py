"""What a person may send in a form."""
