// Users as Locust has them: several classes, so many of each by weight or by a
// fixed count, arriving at a spawn rate. Change their number while it runs with
// the keys + and -, or through the API.
import http from "swarm/http";
import { check, sleep } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    shop: {
      executor: "users",
      users: 20,
      spawnRate: 20, // users per second, until all are there
      runTime: __ENV.RUN_TIME || "3s", // without it: until stopped
      classes: [
        { name: "Reader", exec: "read", weight: 3 }, // three readers …
        { name: "Buyer", exec: "buy", weight: 1, tags: { money: "yes" } }, // … to one buyer
        { name: "Watcher", exec: "watch", fixedCount: 1 }, // and one of these, whatever the number
      ],
    },
  },
  thresholds: {
    // Everything a user does bears the name of its class.
    "http_req_failed{user:Reader}": ["rate==0"],
    "http_req_duration{user:Buyer}": ["p(95)<500"],
    "iterations{user:Watcher}": ["count>0"],
  },
};

export function read() {
  const list = http.get(`${target}/items`);
  check(list, { "list answered": (r) => r.status === 200 });
  http.get(`${target}/items/${1 + Math.floor(Math.random() * 5)}`, { tags: { name: "/items/{id}" } });
  sleep(0.1);
}

export function buy() {
  http.post(`${target}/echo`, JSON.stringify({ item: 7, money: __ENV.CURRENCY || "EUR" }), {
    headers: { "Content-Type": "application/json" },
  });
  sleep(0.2);
}

export function watch() {
  http.get(`${target}/health`);
  sleep(0.5);
}
