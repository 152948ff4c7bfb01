"""What xacct owns in an account: one module for each kind, with how it is read, made, changed and removed."""
