// Workers that come and go, buffers of all sizes passed between them, streams, compression, hashes, JSON, child
// processes. Nothing printed depends on time or on the order in which workers finish.
"use strict";
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const crypto = require("crypto");
const zlib = require("zlib");
const { Transform, pipeline } = require("stream");
const { promisify } = require("util");
const { execFile } = require("child_process");

function random(seed) {
  let state = seed >>> 0 || 1;
  return () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) / 0x1000000;
}

function churn(seed, rounds) {
  const next = random(seed);
  const kept = [];
  const hash = crypto.createHash("sha256");
  for (let i = 0; i < rounds; i++) {
    const size = Math.floor(Math.exp(next() * 13));
    const buffer = i % 3 ? Buffer.allocUnsafeSlow(size).fill(i) : Buffer.alloc(size, i & 255);
    kept.push(buffer);
    if (kept.length > 60) hash.update(kept.splice(Math.floor(next() * 60), 1)[0]);
    if (i % 50 === 0) hash.update(Buffer.concat(kept.slice(0, 5)));
  }
  return hash.digest("hex");
}

if (!isMainThread) {
  const { seed, shared, sent } = workerData;
  const cells = new Int32Array(shared);
  for (let i = 0; i < 1000; i++) Atomics.add(cells, i % cells.length, seed);
  const packed = zlib.gzipSync(Buffer.from(sent));
  const table = new Map();
  for (let i = 0; i < 20000; i++) table.set(`key ${i % 3000}`, (table.get(`key ${i % 3000}`) || "") + i % 10);
  const back = new Uint8Array(sent).map((value) => value ^ seed).buffer;
  parentPort.postMessage({ seed, churned: churn(seed, 800), keys: table.size, unzipped: zlib.gunzipSync(packed).length, back }, [back]);
  return;
}

function work(seed, shared) {
  return new Promise((resolve, reject) => {
    const sent = new ArrayBuffer(10000 + seed * 1000);
    new Uint8Array(sent).fill(seed);
    const worker = new Worker(__filename, { workerData: { seed, shared, sent }, transferList: [sent] });
    let answer;
    worker.on("message", (message) => (answer = message));
    worker.on("error", reject);
    worker.on("exit", (code) => (code === 0 ? resolve(answer) : reject(new Error(`worker ${seed}: ${code}`))));
  });
}

async function main() {
  const shared = new SharedArrayBuffer(64);
  for (let wave = 0; wave < 4; wave++) {
    const seeds = [1, 2, 3, 4].map((n) => n + wave * 4);
    for (const a of await Promise.all(seeds.map((seed) => work(seed, shared))))
      console.log(a.seed, a.churned, a.keys, a.unzipped, new Uint8Array(a.back).reduce((x, y) => x + y, 0));
  }
  console.log(new Int32Array(shared).join(" "));

  // A worker that is ended in the middle of its work.
  const endless = new Worker("for (;;) Buffer.alloc(5000).fill(1)", { eval: true });
  await new Promise((resolve) => endless.once("online", resolve));
  await endless.terminate();

  // Asynchronous compression and key derivation run on libuv's thread pool.
  const text = Buffer.from(Array.from({ length: 60000 }, (_, i) => `${i % 977} `).join(""));
  const deflated = await Promise.all([1, 6, 9].map((level) => promisify(zlib.deflate)(text, { level })));
  const inflated = await Promise.all(deflated.map((data) => promisify(zlib.inflate)(data)));
  console.log(deflated.map((data) => data.length), inflated.every((data) => data.equals(text)));
  console.log((await promisify(zlib.brotliCompress)(text)).length);
  const keys = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => promisify(crypto.scrypt)(`secret ${n}`, "salt", 32, { N: 1024 })));
  console.log(keys.map((key) => key.toString("hex").slice(0, 16)).join(" "));

  const counts = { chunks: 0, bytes: 0 };
  const source = require("stream").Readable.from((function* () {
    const next = random(7);
    for (let i = 0; i < 500; i++) yield Buffer.alloc(1 + Math.floor(next() * 30000), i);
  })());
  const count = new Transform({ transform(chunk, _, done) { counts.chunks++; counts.bytes += chunk.length; done(null, chunk); } });
  const hash = crypto.createHash("sha1");
  await promisify(pipeline)(source, count, zlib.createGzip({ level: 1 }), zlib.createGunzip(), hash);
  console.log(counts, hash.digest("hex"));

  const big = Array.from({ length: 40000 }, (_, i) => ({ id: i, name: `name ${i}`, tags: [i % 7, i % 11], deep: { a: { b: i } } }));
  const json = JSON.stringify(big);
  console.log(json.length, JSON.parse(json).filter((row) => row.tags[0] === row.tags[1]).length);
  const typed = new Float64Array(1 << 20).map((_, i) => Math.sqrt(i));
  console.log(typed.slice(1000, 900000).sort().reverse().subarray(0, 3), structuredClone(big.slice(0, 2000)).length);

  const children = await Promise.all([1, 2, 3].map((n) => promisify(execFile)(process.execPath, ["-p", `"x".repeat(${n} * 1e5).length`])));
  console.log(children.map((child) => child.stdout.trim()).join(" "));
}

main().catch((error) => { console.error(error); process.exitCode = 1; });
