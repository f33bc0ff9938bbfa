// Uploads a file with tus-js-client as it is: node upload.mjs '{"path": …, "options": {…}, "stopAt": bytes}'

import { createReadStream } from "node:fs";
import { PassThrough } from "node:stream";
import * as tus from "tus-js-client";

const wish = JSON.parse(process.argv[2]);

function tell(outcome, fault) {
  const status = fault?.originalResponse?.getStatus() ?? null;
  console.log(JSON.stringify({ outcome, url: upload.url, status }));
}

async function stop() {
  wish.stopAt = Infinity;
  await upload.abort(Boolean(wish.terminate));
  tell("stopped");
}

// A file whose length is put off is one of unknown length: something that only flows.
const file = createReadStream(wish.path);
const upload = new tus.Upload(wish.options.uploadLengthDeferred ? file.pipe(new PassThrough()) : file, {
  retryDelays: [200, 500, 1000, 2000, 4000],
  ...wish.options,
  onSuccess: () => tell("done"),
  onError: (fault) => tell("failed", fault),
  onProgress: (sent) => {
    if (sent >= (wish.stopAt ?? Infinity)) stop();
  },
});
upload.start();
