"""Tables, queries and files on disk; decides nothing."""
