"""The section `policies`: the rules, as a user writes them."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from infra.amounts import Amounts, parse_amounts
from infra.config.values import Duration, Model, is_network, known
from schemas.vocabulary import BINARY, Fallback, GrantKind, Intent, PrincipalKind, ReviewAt, Verdict


def _is_statement(statement: str, info: ValidationInfo) -> str:
    return known(statement, info, "statements", "statement kind")


def _is_blockable(value: str, info: ValidationInfo) -> str:
    return value if value == BINARY else known(value, info, "detectors", f"detector, or {BINARY}")


def _is_regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from error
    return pattern


class Hours(Model):
    """A daily window in a time zone: {from: "08:00", to: "18:00", zone: Europe/Berlin, days: [mon, …]}."""

    start: str = Field(alias="from", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(alias="to", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    zone: str = "UTC"
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
    )

    @model_validator(mode="after")
    def _zone_exists(self) -> Self:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"expected a time zone such as Europe/Berlin, found {self.zone!r}") from error
        return self


class When(Model):
    """What a rule matches on. All given keys must match; in a list, any entry."""

    users: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    kinds: tuple[PrincipalKind, ...] | None = None
    acts_for: tuple[str, ...] | None = None  # names and globs of persons
    acts_for_groups: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None  # names and globs
    labels: dict[str, str] | None = None
    intents: tuple[Intent, ...] | None = None
    statements: tuple[Annotated[str, AfterValidator(_is_statement)], ...] | None = None
    tables: tuple[str, ...] | None = None  # globs over schema.table
    columns: tuple[str, ...] | None = None  # globs over schema.table.column
    functions: tuple[str, ...] | None = None  # globs over schema.function
    programs: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None  # of HTTP
    paths: tuple[str, ...] | None = None  # globs over files, or over HTTP paths
    verbs: tuple[str, ...] | None = None  # of requests to clusters
    kinds_of_object: tuple[str, ...] | None = None  # globs over pods, pods/exec, deployments.apps
    namespaces: tuple[str, ...] | None = None  # globs over namespaces of clusters
    tools: tuple[str, ...] | None = None  # globs over tools of MCP servers
    command: Annotated[str, AfterValidator(_is_regular_expression)] | None = None
    unmask: tuple[str, ...] | None = None  # globs over the columns it asks to see unmasked
    hours: Hours | None = None
    networks: tuple[Annotated[str, AfterValidator(is_network)], ...] | None = None
    expression: str | None = None  # CEL


class Grants(Model):
    """What reviewers may grant along with an approval, so that what follows needs none."""

    kinds: tuple[GrantKind, ...] = Field(min_length=1)
    longest: Duration = timedelta(hours=1)
    most_uses: int | None = Field(default=None, ge=1)


class ReviewStage(Model):
    """A further stage of a review: it waits for the one before."""

    reviewers: tuple[str, ...] = ()  # groups
    all_of: tuple[str, ...] = ()
    approvals: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _somebody_reviews(self) -> Self:
        if not (self.reviewers or self.all_of):
            raise ValueError("expected reviewers: [...], all_of: [...], or both: groups of those who decide")
        return self


class Escalation(Model):
    """Who may decide as well once a command has waited so long."""

    after: Duration
    to: tuple[str, ...] = Field(min_length=1)  # groups


class Reserve(Model):
    """The rule that decides while no reviewer can be reached; it decides nothing else."""

    rule: str


class Review(Model):
    """Who reviews, how many must approve, and what happens when nobody does."""

    at: ReviewAt = ReviewAt.COMMAND  # commit: what is in a transaction runs, and its COMMIT is held
    hold_limit: Duration = timedelta(minutes=5)  # that a transaction whose COMMIT is held may last
    sample: int = Field(default=0, ge=0, le=10)  # changed rows of each table that its reviewers see, masked
    reviewers: tuple[str, ...] = ()  # groups
    all_of: tuple[str, ...] = ()  # groups, of each of which somebody must approve
    approvals: int = Field(default=1, ge=1)
    timeout: Duration = timedelta(minutes=10)
    on_timeout: Fallback = Fallback.DENY
    on_unavailable: Literal["hold", "deny"] | Reserve = "hold"
    valid_for: Duration = timedelta(minutes=5)
    hold: bool = True  # False: the client is answered at once and asks again after the approval
    grants: Grants | None = None
    break_glass: tuple[
        str, ...
    ] = ()  # groups that may run at once with a reason, and are reviewed afterwards
    owners: bool = False  # the resource's owners may decide, too
    then: tuple[ReviewStage, ...] = ()
    escalation: Escalation | None = None

    @model_validator(mode="after")
    def _somebody_reviews(self) -> Self:
        if not (self.reviewers or self.all_of or self.owners):
            raise ValueError(
                "expected reviewers: [...], all_of: [...], owners: true, or several: those who decide"
            )
        if self.escalation is not None and self.escalation.after >= self.timeout:
            raise ValueError("expected escalation.after to be shorter than timeout: nobody waits longer")
        if len(set(self.all_of)) != len(self.all_of):
            raise ValueError("expected each group of all_of once")
        if self.sample and self.at is not ReviewAt.COMMIT:
            raise ValueError("expected at: commit beside sample: before a command runs no row is changed")
        return self

    @model_validator(mode="after")
    def _somebody_approved(self) -> Self:
        if not self.hold and self.on_timeout is not Fallback.DENY:
            raise ValueError(
                "expected on_timeout: deny beside hold: false: nothing waits for the time to pass"
            )
        return self

    @model_validator(mode="after")
    def _somebody_waits(self) -> Self:
        if self.on_unavailable == "hold":
            return self
        if not self.hold:
            raise ValueError("expected on_unavailable: hold beside hold: false: nobody waits")
        if self.at is ReviewAt.COMMIT and isinstance(self.on_unavailable, Reserve):
            raise ValueError("expected on_unavailable: hold or deny beside at: commit: people decide on it")
        return self

    @model_validator(mode="after")
    def _a_commit_waits(self) -> Self:
        if self.at is ReviewAt.COMMAND:
            return self
        if not self.hold or self.grants or self.break_glass or self.on_timeout is not Fallback.DENY:
            raise ValueError(
                "expected hold: true, on_timeout: deny, and neither grants nor break_glass beside "
                "at: commit: a transaction waits for its review, and is rolled back without one"
            )
        return self


def _only_rates(amounts: Amounts) -> Amounts:
    if amounts.each is not None:
        raise ValueError("expected an amount and a window, such as 500/h")
    return amounts


class Limits(Model):
    """Obligations on one command, and budgets: what of a principal's commands together is permitted."""

    rows: Annotated[Amounts, BeforeValidator(parse_amounts)] = Amounts()
    bytes: Annotated[Amounts, BeforeValidator(parse_amounts)] = Amounts()
    commands: Annotated[Amounts, BeforeValidator(parse_amounts), AfterValidator(_only_rates)] = Amounts()
    approvals: Annotated[Amounts, BeforeValidator(parse_amounts), AfterValidator(_only_rates)] = Amounts()
    rejections: Annotated[Amounts, BeforeValidator(parse_amounts), AfterValidator(_only_rates)] = Amounts()
    time: Duration | None = None
    cost: float | None = Field(default=None, gt=0)
    read_only: bool = False
    block: tuple[Annotated[str, AfterValidator(_is_blockable)], ...] = ()  # what no file of SSH may hold
    over: Literal[Verdict.REVIEW, Verdict.DENY] = Verdict.DENY  # what happens when a budget is used up

    @property
    def has_budgets(self) -> bool:
        return bool(self.rows.rates or self.bytes.rates or self.commands.rates or self.has_reviewers)

    @property
    def has_reviewers(self) -> bool:
        """Whether it says how often reviewers may be asked, and say no."""
        return bool(self.approvals.rates or self.rejections.rates)


class Policy(Model):
    name: str = Field(min_length=1)
    when: When
    verdict: Verdict
    review: Review | None = None
    limits: Limits = Limits()
    require: tuple[Literal["reason", "ticket"], ...] = ()
    message: str = ""

    @model_validator(mode="after")
    def _review_has_reviewers(self) -> Self:
        reviews = self.verdict is Verdict.REVIEW or self.limits.over is Verdict.REVIEW
        if reviews != (self.review is not None):
            raise ValueError(
                "expected review: {reviewers: [...]} exactly where the verdict, or limits.over, is review"
            )
        return self

    @model_validator(mode="after")
    def _a_reviewer_unmasks(self) -> Self:
        if self.when.unmask is None or self.verdict is Verdict.DENY:
            return self
        if self.review is None or self.verdict is not Verdict.REVIEW:
            raise ValueError("expected verdict review or deny beside when.unmask: only a reviewer unmasks")
        if self.review.on_timeout is not Fallback.DENY:
            raise ValueError("expected on_timeout: deny beside when.unmask: only a reviewer unmasks")
        if isinstance(self.review.on_unavailable, Reserve):
            raise ValueError("expected on_unavailable: hold or deny beside when.unmask")
        if self.review.at is not ReviewAt.COMMAND:
            raise ValueError("expected at: command beside when.unmask: an answer is seen before the COMMIT")
        return self

    @model_validator(mode="after")
    def _grants_are_for_commands(self) -> Self:
        if self.review is None or self.review.grants is None:
            return self
        if self.verdict is not Verdict.REVIEW or self.when.unmask is not None:
            raise ValueError(
                "expected review.grants where the verdict is review and when has no unmask: "
                "neither room in a budget nor unmasked values are granted"
            )
        return self

    @model_validator(mode="after")
    def _reviewers_are_asked(self) -> Self:
        asks = self.verdict is Verdict.REVIEW and self.review is not None and self.review.hold
        if self.limits.has_reviewers and not asks:
            raise ValueError(
                "expected limits.approvals and limits.rejections where the verdict is review and hold is true"
            )
        return self

    @model_validator(mode="after")
    def _a_rule_reviews_at_commit(self) -> Self:
        at_commit = self.review is not None and self.review.at is ReviewAt.COMMIT
        if at_commit and (self.verdict is not Verdict.REVIEW or self.limits.has_reviewers):
            raise ValueError(
                "expected at: commit where the verdict is review, without limits.approvals and rejections"
            )
        return self

    @model_validator(mode="after")
    def _budgets_have_a_use(self) -> Self:
        if self.verdict is Verdict.DENY and (self.limits != Limits() or self.require):
            raise ValueError("expected neither limits nor require where the verdict is deny: nothing runs")
        if self.limits.over is Verdict.REVIEW and (
            self.verdict is Verdict.REVIEW or not self.limits.has_budgets
        ):
            raise ValueError(
                "expected over: review beside a budget, such as commands: 500/h, of an allow rule"
            )
        return self
