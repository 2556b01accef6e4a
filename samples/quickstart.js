// The first script: ten users who browse the catalogue for five seconds.
//
//   swarm target &
//   swarm run samples/quickstart.js
import http from "swarm/http"; // "k6/http" is the same module
import { check, sleep } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080"; // swarm run -e TARGET=http://…

export const options = {
  vus: 10,
  duration: "5s",
  thresholds: {
    http_req_duration: ["p(95)<200"], // milliseconds
    http_req_failed: ["rate<0.01"],
    checks: ["rate>0.99"],
  },
};

export default function () {
  const list = http.get(`${target}/items`);
  check(list, {
    "status is 200": (r) => r.status === 200,
    "there are items": (r) => r.json().length > 0,
  });

  const id = 1 + Math.floor(Math.random() * 20);
  const item = http.get(`${target}/items/${id}`, { tags: { name: "/items/{id}" } });
  check(item, { "it is the one asked for": (r) => r.json("id") === id });

  sleep(0.1);
}
