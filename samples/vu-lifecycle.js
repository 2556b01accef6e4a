// vuSetup() runs once in the life of every VU, before its first iteration and
// outside of iteration times; vuTeardown() once after its last. What vuSetup
// returns is the second argument of the iterations and of vuTeardown. Cookies
// and connections made in vuSetup stay.
import http from "swarm/http";
import { check, fail, sleep } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";
const json = { "Content-Type": "application/json" };

export const options = {
  vus: 3,
  iterations: 15,
  vuSetupTimeout: "10s",
  thresholds: {
    checks: ["rate==1"],
    "http_reqs{group:::vuSetup}": ["count==3"], // one login for each VU, however many iterations
  },
};

export function setup() {
  return { users: ["ada", "grace", "edsger"] };
}

export function vuSetup(data) {
  const user = data.users[(__VU - 1) % data.users.length];
  const login = http.post(`${target}/login`, JSON.stringify({ user, password: "demo" }), { headers: json });
  if (login.status !== 200) {
    fail(`${user} cannot log in: status ${login.status}`); // reported, and tried again after a second
  }
  return { user, params: { headers: { ...json, Authorization: `Bearer ${login.json("token")}` } } };
}

export default function (data, me) {
  const order = http.post(`${target}/orders`, JSON.stringify({ item: 3, quantity: 1 }), me.params);
  check(order, { "the order is mine": (r) => r.json("user") === me.user });
  sleep(0.05); // long enough for every VU to have its share of the iterations
}

export function vuTeardown(data, me) {
  const orders = http.get(`${target}/orders`, me.params);
  check(orders, { "my orders are there": (r) => r.status === 200 });
}
