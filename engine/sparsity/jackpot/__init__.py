"""Jackpot: Lottery Jackpots Exist in Pre-trained Models."""
