import http from "k6/http";

export const options = { vus: Number(__ENV.VUS), duration: __ENV.DURATION };

export default function () {
  http.get(__ENV.TARGET);
}
