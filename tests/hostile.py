"""Names that would act if anything let them; for tests only."""

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "javascript:alert(1)",
    "[click](javascript:alert(1))", "![x](https://example.com/x.png)", "<https://example.com>", "https://example.com/x",
    "www.example.com", "</w:t></w:r><w:r><w:fldSimple w:instr=\"DDEAUTO c:\\\\cmd\"/>", "]]><iframe src=//example.com>",
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("https://example.com","x")', "+1+1", "-1+1", "@SUM(1,1)", "＝1+1",
    "\t=1+1", "{=1+1}", "=WEBSERVICE(A1)", "#eval(\"1\")", "#import \"/etc/passwd\"", "$ x $ #read(\"main.typ\")",
    "*a* _b_ `c` ~d~ ***", "| a | b |\n| --- | --- |", "# heading", "1. first", "&lt;b&gt; &amp; <b>", "{{ 7 * 7 }}",
)  # fmt: skip
"""Markup, scripts, formulas and links of all formats, 30 of them."""
