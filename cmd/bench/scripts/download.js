import http from "k6/http";

export const options = { discardResponseBodies: true };

export default function () {
  const res = http.get(`${__ENV.TARGET}${__ENV.MB}`, { timeout: "120s" });
  if (res.status !== 200) throw new Error(`status ${res.status}, ${res.error}`);
}
