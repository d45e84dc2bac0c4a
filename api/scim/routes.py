"""Users and groups over HTTP, and what describes them (RFC 7644, section 3.2)."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request
from scim2_models import Context, ListResponse, Resource, ResourceType, Schema
from starlette.responses import Response

from api.auth import address_of, refusal, unauthenticated
from api.problems import Problem
from api.scim.errors import MEDIA_TYPE, refused, response, taken
from api.scim.kinds import GroupKind, Kind, UserKind
from api.scim.registry import Registry
from api.scim.resources import Group, User, configuration, patched, received
from api.scim.searching import page, searched
from infra.clock import Clock
from infra.config import Scim
from infra.config import User as ConfiguredUser
from infra.identity import TokenRefused
from infra.identity.users import Users
from schemas.ids import uuid7
from schemas.vocabulary import PrincipalKind

PATH = "/scim/v2"
LARGEST_BODY = 4 * 1024 * 1024  # bytes; a group with some 40,000 members
_CLIENT = "scim"  # whose guesses are counted


class ScimEndpoint:
    """What the identity provider writes to. `url`: the api's own."""

    path = PATH

    def __init__(self, scim: Scim, registry: Registry, url: str, clock: Clock) -> None:
        client = ConfiguredUser(name=_CLIENT, kind=PrincipalKind.AGENT, token_hash=scim.token_hash)
        self._clients = Users((client,), clock)
        self._registry = registry
        self._base = url + PATH
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix=PATH, include_in_schema=False, dependencies=[Depends(self._authenticate)])
        router.get("/ServiceProviderConfig")(self.configuration)
        router.get("/ResourceTypes")(self.resource_types)
        router.get("/Schemas")(self.schemas)
        for kind in (UserKind(self._registry, self._base), GroupKind(self._registry, self._base)):
            router.include_router(Entries(kind, self._registry, self._clock).router())
        return router

    def problem(self, problem: Problem) -> Response:
        """Any problem of a request to it."""
        return response(problem)

    async def configuration(self) -> Response:
        return _answer(configuration(self._base))

    async def resource_types(self) -> Response:
        return _all(ResourceType, [ResourceType.from_resource(model) for model in (User, Group)])

    async def schemas(self) -> Response:
        return _all(Schema, [model.to_schema() for model in (User, Group)])

    async def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthenticated("The request carries no bearer token.")
        try:
            await self._clients.authenticate(_CLIENT, token.strip(), address_of(request))
        except TokenRefused as error:
            raise refusal(error, address_of(request)) from error


class Entries:
    """The routes of one kind."""

    def __init__(self, kind: Kind, registry: Registry, clock: Clock) -> None:
        self._kind = kind
        self._registry = registry
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix=f"/{self._kind.name}")
        router.get("")(self.list)
        router.get("/{id}")(self.one)
        router.delete("/{id}")(self.remove)
        router.post("", max_body_size=LARGEST_BODY)(self.create)
        router.put("/{id}", max_body_size=LARGEST_BODY)(self.replace)
        router.patch("/{id}", max_body_size=LARGEST_BODY)(self.patch)
        return router

    async def list(self, request: Request) -> Response:
        asked = searched(self._kind.model, request.query_params)
        found = self._kind.ids(asked.filter)
        shown = [self._kind.resource(id) for id in page(found, asked)]
        return _all(self._kind.model, shown, total=len(found), start=asked.start_index or 1, asked=asked)

    async def one(self, request: Request, id: str) -> Response:
        return _answer(self._kind.resource(id), asked=searched(self._kind.model, request.query_params))

    async def create(self, request: Request) -> Response:
        wanted = received(self._kind.model, await _document(request), Context.RESOURCE_CREATION_REQUEST)
        id = uuid7(self._clock())
        await self._registry.write(lambda about: self._kind.change(id, wanted, about))
        if id not in self._kind.ids(None):
            raise taken("another has taken this name at the same time")
        return self._written(id, HTTPStatus.CREATED)

    async def replace(self, request: Request, id: str) -> Response:
        self._kind.resource(id)
        wanted = received(self._kind.model, await _document(request), Context.RESOURCE_REPLACEMENT_REQUEST)
        await self._registry.write(lambda about: self._kind.change(id, wanted, about))
        return self._written(id)

    async def patch(self, request: Request, id: str) -> Response:
        document = await _document(request)
        await self._registry.write(
            lambda about: self._kind.change(id, patched(self._kind.resource(id), document), about)
        )
        return self._written(id)

    async def remove(self, id: str) -> Response:
        await self._registry.write(lambda about: self._kind.removal(id, about))
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _written(self, id: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
        resource = self._kind.resource(id)
        assert resource.meta is not None
        # RFC 7644, section 3.3: "the URI of the created resource".
        return _answer(resource, status, {"Location": str(resource.meta.location)})


async def _document(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise refused("the body is not JSON") from error


def _answer(
    resource: Resource[Any],
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
    asked: Any = None,
) -> Response:
    text = resource.model_dump_json(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    return Response(text, status, headers, MEDIA_TYPE)


def _all(
    model: Any, resources: list[Any], *, total: int | None = None, start: int = 1, asked: Any = None
) -> Response:
    found = ListResponse[model](
        total_results=len(resources) if total is None else total,
        start_index=start,
        items_per_page=len(resources),
        resources=resources,
    )
    text = found.model_dump_json(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    return Response(text, media_type=MEDIA_TYPE)
