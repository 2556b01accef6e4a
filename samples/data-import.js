// Test data comes by import: it is read once, when the script is bundled, and
// goes with it wherever the script runs.
import http from "swarm/http";
import { check } from "swarm";
import users from "./data/users.json";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    // One iteration for each user of the file.
    logins: { executor: "shared-iterations", vus: 2, iterations: users.length },
  },
  thresholds: { checks: ["rate==1"] },
};

export default function () {
  const user = users[(__VU + __ITER) % users.length];
  const login = http.post(`${target}/login`, JSON.stringify({ user: user.name, password: user.password }));
  check(login, {
    "logged in": (r) => r.status === 200,
    "as that user": (r) => r.json("user") === user.name,
  });
}
