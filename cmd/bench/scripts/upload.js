import http from "k6/http";

// One body for all requests of a VU. Nobody has written to it, so it takes no
// memory of the machine until something copies it.
let body;

export default function () {
  body ??= new ArrayBuffer(Number(__ENV.MB) * 1048576);
  const res = http.put(`${__ENV.TARGET}up-${__VU}`, body, { timeout: "120s" });
  if (res.status !== 201 && res.status !== 204) throw new Error(`status ${res.status}, ${res.error}`);
}
