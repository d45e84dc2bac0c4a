from fastapi import APIRouter

from api.audit import AuditLog
from api.auth import SignIn
from api.deciding import Desk


def routes(audit_log: AuditLog, desk: Desk, sign_in: SignIn) -> APIRouter:
    return APIRouter()
