"""A browser without scripts: cookies, redirects, forms, and what stands on a page. Its client follows redirects."""

import html
import re


class Browser:
    """A browser with its cookies; `page` is what it shows."""

    def __init__(self, client):
        self.client, self.page = client, None

    async def get(self, path, **more):
        self.page = await self.client.get(path, **more)
        return self

    async def send(self, path, files=None, **fields):
        found = re.search(r'name="csrf" value="(\w+)"', self.page.text) if self.page is not None else None
        data = {**({"csrf": found[1]} if found else {}), **fields}
        self.page = await self.client.post(path, data=data, files=files)
        return self

    @property
    def text(self):
        plain = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", self.page.text, flags=re.S)
        return re.sub(r"\s+", " ", html.unescape(plain)).strip()

    @property
    def heading(self):
        return html.unescape(re.sub(r"<[^>]+>", "", re.search(r"<h1>(.*?)</h1>", self.page.text, re.S)[1])).strip()

    def value(self, name):
        return re.search(rf'name="{name}" value="([^"]*)"', self.page.text)[1]

    def link(self, beginning):
        return html.unescape(re.search(rf'(?:href|src|value)="({re.escape(beginning)}[^"]*)"', self.page.text)[1])
