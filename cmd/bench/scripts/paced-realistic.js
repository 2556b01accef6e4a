import http from "k6/http";
import { check, group, sleep } from "k6";
import { Counter, Rate, Trend } from "k6/metrics";

const browse = new Trend("browse_time", true);
const bought = new Rate("bought");
const orders = new Counter("orders");

export const options = {
  thresholds: {
    http_req_failed: ["rate<0.01"],
    http_req_duration: ["p(95)<5000"],
  },
};

export function setup() {
  return { token: http.get(__ENV.TARGET).json("name") };
}

// realistic.js with a pause after each request.
export default function (data) {
  group("browse", () => {
    const res = http.get(__ENV.TARGET, {
      headers: { Authorization: `Bearer ${data.token}`, Accept: "application/json" },
      tags: { step: "browse" },
    });
    check(res, {
      "browse: status is 200": (r) => r.status === 200,
      "browse: name is widget": (r) => r.json("name") === "widget",
    });
    browse.add(res.timings.duration);
  });
  sleep(1);
  group("order", () => {
    const res = http.post(__ENV.TARGET, JSON.stringify({ item: 7, quantity: 2 }), {
      headers: { Authorization: `Bearer ${data.token}`, "Content-Type": "application/json" },
    });
    const ok = check(res, { "order: status is 200": (r) => r.status === 200 });
    bought.add(ok);
    orders.add(1);
  });
  sleep(1);
}
