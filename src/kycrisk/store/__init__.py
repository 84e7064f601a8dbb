"""The store: accounts, signups, decisions and everything about them, on SQLite or PostgreSQL. See docs/store.md.

store = await Store.open("sqlite:///site/store.db", site_key=key)
stored = await store.decisions.add(Screening(...))  # on disk when this returns
"""
