"""Rules for uploads to S3: their headers, and the parts of a multipart upload.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html, and answers recorded from AWS
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

from xacct.testing.chunks import content_of
from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Check, Write

__all__ = ["CHECKS"]

_LEAST_PART_SIZE = 5 * 1024 * 1024
_ENCRYPTION = "x-amz-server-side-encryption"


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
    try:
        digest = b64decode(header, validate=True)
    except NotBase64:
        digest = b""
    if len(digest) != 16:
        details = {"Content-MD5": header}
        raise Refused("InvalidDigest", "The Content-MD5 you specified was invalid.", details=details)
    computed = hashlib.md5(content_of(write.call), usedforsecurity=False).digest()
    if computed != digest:
        details = {"ExpectedDigest": digest.hex(), "CalculatedDigest": b64encode(computed).decode()}
        raise Refused("BadDigest", "The Content-MD5 you specified did not match what we received.", details=details)


def _check_condition(write: Write) -> None:
    condition = write.call.text("IfNoneMatch")
    if condition and condition != "*":
        details = {
            "Header": "If-None-Match",
            "additionalMessage": "We don't accept the provided value of If-None-Match header for this API",
        }
        text = "A header you provided implies functionality that is not implemented"
        raise Refused("NotImplemented", text, 501, details=details)


def _check_customer_key(write: Write) -> None:
    algorithm, other = write.call.text("SSECustomerAlgorithm"), write.call.text("ServerSideEncryption")
    if algorithm and other:
        text = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
        raise Refused("InvalidArgument", text, details={"ArgumentName": _ENCRYPTION, "ArgumentValue": other})
    if algorithm and algorithm != "AES256":
        text = "The Encryption request you specified is not valid. Supported value: AES256."
        details = {"ArgumentName": _ENCRYPTION, "ArgumentValue": algorithm}
        raise Refused("InvalidEncryptionAlgorithmError", text, details=details)


def _check_storage_class(write: Write) -> None:
    if write.call.text("StorageClass") == "OUTPOSTS":
        text, details = "The storage class you specified is not valid", {"StorageClassRequested": "OUTPOSTS"}
        raise Refused("InvalidStorageClass", text, details=details)


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "CompleteMultipartUpload"): (_check_upload_exists, _check_parts),
    ("s3", "CreateMultipartUpload"): (_check_storage_class, _check_customer_key),
    ("s3", "PutObject"): (_check_digest, _check_storage_class, _check_customer_key, _check_condition),
    ("s3", "UploadPart"): (_check_upload_exists, _check_digest),
    ("s3", "UploadPartCopy"): (_check_upload_exists,),
}
