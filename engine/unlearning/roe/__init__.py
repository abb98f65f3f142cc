"""ROE: Run-Off Election: Improved Provable Defense against Data Poisoning Attacks."""
