"""How the server holds under load, kills, a full disk and damage: `make soak`."""
