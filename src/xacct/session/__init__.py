"""boto3 sessions in IAM roles: assume_role, fan_out, profiles and credentials for other programs."""
