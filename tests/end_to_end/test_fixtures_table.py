"""docs/fixtures.md says what the program finds now."""

import fixtures_table


def test_the_page_is_up_to_date():
    assert fixtures_table.PAGE.read_text() == fixtures_table.page(), "run `make golden`, and say why it changed"
