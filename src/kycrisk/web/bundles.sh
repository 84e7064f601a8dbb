#!/bin/sh
# Fetches the bundles that lie in static/ anew, in the versions named here. Needs npm; users do not.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --prefix "$work" @picocss/pico@2.1.1 htmx.org@2.0.11
cp "$work/node_modules/@picocss/pico/css/pico.min.css" "$work/node_modules/htmx.org/dist/htmx.min.js" static/
cp "$work/node_modules/@picocss/pico/LICENSE.md" static/pico.LICENSE.md
cp "$work/node_modules/htmx.org/LICENSE" static/htmx.LICENSE
