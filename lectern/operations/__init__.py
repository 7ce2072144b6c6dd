"""What those who keep an installation running have to know."""
