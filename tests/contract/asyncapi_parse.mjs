// The official parser's opinion of each document: node asyncapi_parse.mjs FOLDER-OF-NODE_MODULES DOCUMENT…
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, ...paths] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)("@asyncapi/parser");
const told = [];
for (const path of paths) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
  const channels = document?.channels().all().map((each) => [each.address(), each.messages().all().length]) ?? [];
  told.push({ channels, problems: diagnostics.filter((each) => each.severity < 2).map((each) => each.message) });
}
console.log(JSON.stringify(told));
