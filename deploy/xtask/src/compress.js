// Writes NAME.br and NAME.gz beside each file of a folder that is older compressed than plain: node -e … FOLDER
const { readdirSync, readFileSync, statSync, writeFileSync } = require("node:fs");
const { brotliCompressSync, constants, gzipSync } = require("node:zlib");
const { join } = require("node:path");
const folder = process.argv[1];
const age = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
for (const name of readdirSync(folder).filter((name) => /\.(css|js|wasm)$/.test(name))) {
  const path = join(folder, name);
  if (age(`${path}.gz`) > age(path) && age(`${path}.br`) > age(path)) continue;
  const bytes = readFileSync(path);
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, quality));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}
