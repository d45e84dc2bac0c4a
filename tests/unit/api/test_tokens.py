"""Where a terminal is sent that wants to sign in."""

from typing import Any, cast

import pytest
from support.reviews import NOW

from api.problems import Problem
from api.sealed import Seal
from api.terminal_codes import TerminalCodes
from api.tokens import Tokens

NOTHING = cast(Any, None)  # what this does not come to


@pytest.mark.parametrize(("by_page", "kind"), [(True, "sign-in-by-page"), (False, "no-single-sign-on")])
async def test_without_a_device_flow_it_is_the_page_where_somebody_can_sign_in(
    by_page: bool, kind: str
) -> None:
    codes = TerminalCodes(Seal(b"k" * 32), lambda: NOW)
    tokens = Tokens(NOTHING, NOTHING, None, codes, (), lambda: NOW, by_page=by_page)
    with pytest.raises(Problem) as refused:
        await tokens.device()
    assert refused.value.kind == kind
