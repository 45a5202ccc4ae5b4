"""The chain of audit events: what signs a row, what seals many, and what finds where somebody interfered."""
