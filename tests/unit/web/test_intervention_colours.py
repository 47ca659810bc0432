"""Every stretch of the intervention bar has a colour of its own, and the list's key names it."""

from __future__ import annotations

from pathlib import Path

from gateway.web import intervention

WEB = Path(intervention.__file__).parent


def test_every_tone_of_the_bar_is_coloured_and_in_the_key():
    tones = {tone for _, tone, *_ in intervention._MILESTONES}
    styles = (WEB / "static" / "mandate.css").read_text()
    key = (WEB / "templates" / "incidents.html").read_text()
    assert [tone for tone in sorted(tones) if f".v{tone}{{" not in styles] == []
    assert [tone for tone in sorted(tones) if f'class="v{tone}"' not in key] == []
