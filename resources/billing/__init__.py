"""How plans are paid for."""
