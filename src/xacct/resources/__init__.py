"""The IAM resources that xacct manages: one module per kind, with its reads, its changes and its removal."""
