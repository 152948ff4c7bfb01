"""The checks that look at one policy: each module answers one question of the audit.

Each check is given a policy and what is known of the accounts around it, and yields findings. A check returns at once
if no statement of the policy concerns it.
"""
