from api.paging import link_to_next


def test_the_link_repeats_what_was_asked_for_and_escapes_it() -> None:
    assert link_to_next("/api/commands", {"text": 'a>"&', "resource": ""}, "0198") == (
        '</api/commands?text=a%3E%22%26&cursor=0198>; rel="next"'
    )
