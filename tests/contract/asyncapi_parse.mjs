// The official parser's opinion of a document: node asyncapi_parse.mjs FOLDER-OF-NODE_MODULES DOCUMENT
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, path] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
const channels = document ? document.channels().all().map((each) => [each.address(), each.messages().all().length]) : [];
console.log(JSON.stringify({ channels, problems: diagnostics.filter((each) => each.severity < 2).map((each) => each.message) }));
