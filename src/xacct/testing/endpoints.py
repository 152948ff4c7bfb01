"""The endpoints of AWS: which hosts belong to a partition, and under which URL moto knows them.

Source: https://docs.aws.amazon.com/general/latest/gr/rande.html
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache, lru_cache
from urllib.parse import urlsplit, urlunsplit

from botocore.loaders import create_loader
from moto import backend_index

from xacct.arn import Partition
from xacct.errors import XacctError
from xacct.testing.http_messages import moto_url

__all__ = ["aws_url_pattern", "backend_of", "endpoint_url", "is_local"]

# Such as aws-global in s3-fips.aws-global.amazonaws.com.
_GLOBAL = re.compile(r"(aws-([a-z]+-)*)?global")
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-\d+")


@lru_cache(1000)
def is_local(host: str) -> bool:
    """Return whether a host name or address is that of this machine.

    >>> [is_local(host) for host in ("localhost", "reports.localhost", "127.0.0.1", "::1", "sts.amazonaws.com")]
    [True, True, True, True, False]
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def endpoint_url(url: str, partition: Partition) -> str:
    """Return the URL of a request to AWS in the form that moto knows: without the variants dual-stack and FIPS.

    Args:
        url: the URL.
        partition: the partition of the sandbox.

    Raises:
        XacctError: the host is none of the partition's, or moto does not implement the service.

    >>> from xacct.arn import partition
    >>> endpoint_url("https://sts-fips.us-east-1.api.aws/", partition("aws"))
    'https://sts.us-east-1.amazonaws.com/'
    >>> endpoint_url("https://reports.s3-fips.dualstack.us-east-1.amazonaws.com/january", partition("aws"))
    'https://reports.s3.us-east-1.amazonaws.com/january'
    """
    parts = urlsplit(url)
    host = _known_host(parts.hostname or "", partition)
    return url if host == parts.netloc else urlunsplit(parts._replace(netloc=host))


@lru_cache(1000)
def _known_host(host: str, partition: Partition) -> str:
    standard = urlsplit(moto_url(f"https://{_standard_host(host, partition)}/", partition)).netloc
    # A few services have endpoints in the domain of dual-stack only.
    found = next((known for known in (standard, host) if backend_of(known)), None)
    if found is None:
        raise XacctError(f"{host}: moto does not implement this endpoint of AWS; nothing was sent to it")
    return found


def _standard_host(host: str, partition: Partition) -> str:
    suffixes = (*_suffixes()[partition.name], "amazonaws.com")
    suffix = next((suffix for suffix in suffixes if host.endswith(f".{suffix}")), None)
    if suffix is None:
        owners = [name for name, owned in _suffixes().items() if host.endswith(tuple(f".{own}" for own in owned))]
        reason = f"it is in partition {owners[0]}, the sandbox in {partition.name}" if owners else "it is not AWS's"
        raise XacctError(f"{host}: the sandbox does not answer for this host: {reason}; nothing was sent to it")
    labels = host.removesuffix(f".{suffix}").split(".")
    region = []
    if _GLOBAL.fullmatch(labels[-1]):
        region = [partition.global_region]
        labels.pop()
    elif _REGION.fullmatch(labels[-1]):
        region = [labels.pop()]
    if labels[-1:] == ["dualstack"]:
        labels.pop()
    # What comes before a label of S3 is the name of a bucket.
    named = len(labels) - 1 if labels and labels[-1].startswith("s3") else 0
    service = [label.removesuffix("-fips") for label in labels[named:] if label != "fips"]
    return ".".join([*labels[:named], *service, *region, partition.dns_suffix])


@lru_cache(1000)
def backend_of(host: str) -> str | None:
    """Return moto's name of the service at a host in the domain amazonaws.com; None if moto does not implement it."""
    url = f"https://{host.removesuffix('.cn')}/"
    return next((service for service, pattern in backend_index.backend_url_patterns if pattern.match(url)), None)


@cache
def aws_url_pattern() -> re.Pattern[str]:
    """Return the pattern of the URLs of AWS's services in all partitions."""
    suffixes = sorted({suffix for owned in _suffixes().values() for suffix in owned})
    return re.compile(rf"https?://[^/]+\.({'|'.join(map(re.escape, suffixes))})(?=[:/?]|$)")


@cache
def _suffixes() -> dict[str, tuple[str, str]]:
    """Return the domains of each partition's endpoints: the standard one, and that of dual-stack endpoints."""
    partitions = create_loader().load_data("partitions")["partitions"]
    return {p["id"]: (p["outputs"]["dnsSuffix"], p["outputs"]["dualStackDnsSuffix"]) for p in partitions}
