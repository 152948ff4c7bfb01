"""The sandbox: simulated AWS accounts that enforce IAM, for tests. Requires the extra ``xacct[testing]``."""

from __future__ import annotations

from xacct.testing.account import Account as Account
from xacct.testing.clock import Clock as Clock
from xacct.testing.faults import DeploymentFault as DeploymentFault, Fault as Fault, Faults as Faults
from xacct.testing.issuer import Issuer as Issuer
from xacct.testing.pipeline import RecordedCall as RecordedCall
from xacct.testing.propagation import Propagation as Propagation
from xacct.testing.saml_provider import SamlProvider as SamlProvider
from xacct.testing.sandbox import Sandbox as Sandbox
from xacct.testing.sandbox_organization import SandboxOrganization as SandboxOrganization
from xacct.testing.server import Server as Server

__all__ = [
    "Account",
    "Clock",
    "DeploymentFault",
    "Fault",
    "Faults",
    "Issuer",
    "Propagation",
    "RecordedCall",
    "SamlProvider",
    "Sandbox",
    "SandboxOrganization",
    "Server",
]
