// @hearth/cli: the `hearth` command. Nothing imports it; bin/hearth starts main.ts.

export { createApp } from "./app.ts";
