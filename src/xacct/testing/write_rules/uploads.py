"""Rules for uploads to S3: their headers, and the parts of a multipart upload.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html, and answers recorded from AWS
"""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable

from xacct.testing.chunks import content_of
from xacct.testing.error_responses import Refused
from xacct.testing.request_validation import malformed_xml
from xacct.testing.write_rules.write import Check, Write

__all__ = ["CHECKS"]

_LEAST_PART_SIZE = 5 * 1024 * 1024
_STORAGE_CLASSES = frozenset(
    {
        "DEEP_ARCHIVE",
        "EXPRESS_ONEZONE",
        "GLACIER",
        "GLACIER_IR",
        "INTELLIGENT_TIERING",
        "ONEZONE_IA",
        "REDUCED_REDUNDANCY",
        "STANDARD",
        "STANDARD_IA",
    }
)
_TAGGING = re.compile(r"\s*(<\?xml[^>]*>)?\s*<Tagging\b")
_ENCRYPTION = "x-amz-server-side-encryption"
_CUSTOMER_KEYS = "Requests specifying Server Side Encryption with Customer provided keys"
# The lengths of S3's checksums, and how to compute those that Python has.
_CHECKSUMS: dict[str, tuple[int, Callable[[bytes], bytes] | None]] = {
    "crc32": (4, lambda content: zlib.crc32(content).to_bytes(4, "big")),
    "crc32c": (4, None),
    "crc64nvme": (8, None),
    "sha1": (20, lambda content: hashlib.sha1(content, usedforsecurity=False).digest()),
    "sha256": (32, lambda content: hashlib.sha256(content).digest()),
}


def _check_upload_exists(write: Write) -> None:
    bucket = write.state.bucket(write.call.text("Bucket"))
    upload = None if bucket is None else bucket.multiparts.get(write.call.text("UploadId"))
    if bucket is not None and (upload is None or upload.key_name != write.call.text("Key")):
        raise Refused(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
            "completed.",
            404,
        )


def _check_parts(write: Write) -> None:
    bucket = write.state.bucket(write.call.text("Bucket"))
    if bucket is None:
        return
    upload = write.call.text("UploadId")
    parts = bucket.multiparts[upload].parts
    wanted = (write.call.params.get("MultipartUpload") or {}).get("Parts") or []
    if not wanted:
        raise Refused("InvalidRequest", "You must specify at least one part")
    numbers = [int(part["PartNumber"]) for part in wanted]
    if numbers != sorted(set(numbers)):
        text = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise Refused("InvalidPartOrder", text, details={"UploadId": upload})
    for position, (number, part) in enumerate(zip(numbers, wanted), 1):
        tag, found = str(part.get("ETag", "")).strip('"'), parts.get(number)
        if found is None or found.etag.strip('"') != tag:
            text = (
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag."
            )
            details = {"UploadId": upload, "PartNumber": str(number), "ETag": tag}
            raise Refused("InvalidPart", text, details=details)
        if found.size < _LEAST_PART_SIZE and position < len(wanted):
            sizes = {"ProposedSize": str(found.size), "MinSizeAllowed": str(_LEAST_PART_SIZE)}
            text = "Your proposed upload is smaller than the minimum allowed size"
            raise Refused("EntityTooSmall", text, details={**sizes, "PartNumber": str(number), "ETag": tag})


def _check_digest(write: Write) -> None:
    header = write.call.request.headers.get("Content-MD5")
    if header is None:
        return
    digest = _decoded(header)
    if len(digest) != 16:
        details = {"Content-MD5": header}
        raise Refused("InvalidDigest", "The Content-MD5 you specified was invalid.", details=details)
    computed = hashlib.md5(content_of(write.call), usedforsecurity=False).digest()
    if computed != digest:
        # As recorded from AWS, each of the operations has its own form.
        expected = digest.hex() if write.call.operation == "PutObject" else header
        details = {"ExpectedDigest": expected, "CalculatedDigest": b64encode(computed).decode()}
        raise Refused("BadDigest", "The Content-MD5 you specified did not match what we received.", details=details)


def _check_customer_key(write: Write) -> None:
    algorithm, other = write.call.text("SSECustomerAlgorithm"), write.call.text("ServerSideEncryption")
    given, digest = write.call.text("SSECustomerKey"), write.call.text("SSECustomerKeyMD5")
    if algorithm and other:
        text = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
        raise Refused("InvalidArgument", text, details={"ArgumentName": _ENCRYPTION, "ArgumentValue": other})
    if algorithm and algorithm != "AES256":
        text = "The Encryption request you specified is not valid. Supported value: AES256."
        details = {"ArgumentName": _ENCRYPTION, "ArgumentValue": algorithm}
        raise Refused("InvalidEncryptionAlgorithmError", text, details=details)
    if not algorithm and not given:
        return
    key = _decoded(given)
    problem = ""
    if not algorithm:
        problem = f"{_CUSTOMER_KEYS} must provide a valid encryption algorithm."
    elif not given:
        problem = f"{_CUSTOMER_KEYS} must provide an appropriate secret key."
    elif not digest or len(key) != 32:
        problem = "The secret key was invalid for the specified algorithm."
    elif hashlib.md5(key, usedforsecurity=False).digest() != _decoded(digest):
        problem = "The calculated MD5 hash of the key did not match the hash that was provided."
    if problem:
        raise Refused("InvalidArgument", problem, details={"ArgumentName": _ENCRYPTION})


def _decoded(text: str) -> bytes:
    """Return the bytes of a text in Base64; empty if it is malformed."""
    try:
        return b64decode(text, validate=True)
    except NotBase64:
        return b""


def _check_checksums(write: Write) -> None:
    headers = write.call.request.headers
    given = {name: headers[f"x-amz-checksum-{name}"] for name in _CHECKSUMS if f"x-amz-checksum-{name}" in headers}
    if len(given) > 1:
        text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise Refused("InvalidRequest", text)
    for name, value in given.items():
        length, compute = _CHECKSUMS[name]
        if len(_decoded(value)) != length:
            raise Refused("InvalidRequest", f"Value for x-amz-checksum-{name} header is invalid.")
        if compute is not None and compute(content_of(write.call)) != _decoded(value):
            text = f"The {name.upper()} you specified did not match the calculated checksum."
            raise Refused("BadDigest", text)


def _check_storage_class(write: Write) -> None:
    requested = write.call.text("StorageClass") or write.call.form.get("x-amz-storage-class", "")
    if requested and requested not in _STORAGE_CLASSES:
        text, details = "The storage class you specified is not valid", {"StorageClassRequested": requested}
        raise Refused("InvalidStorageClass", text, details=details)


def _check_tags_of_form(write: Write) -> None:
    tags = write.call.form.get("tagging")
    if tags is not None and not _TAGGING.match(tags):
        raise malformed_xml()


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "CompleteMultipartUpload"): (_check_upload_exists, _check_parts),
    ("s3", "CreateMultipartUpload"): (_check_storage_class, _check_customer_key),
    ("s3", "PostObject"): (_check_storage_class, _check_tags_of_form),
    ("s3", "PutObject"): (_check_digest, _check_storage_class, _check_customer_key, _check_checksums),
    ("s3", "UploadPart"): (_check_upload_exists, _check_digest),
    ("s3", "UploadPartCopy"): (_check_upload_exists,),
}
