"""The audit: who from outside can get in, and which trusts lead nowhere."""
