// A client for each service: with its own base URL, headers, connections and
// cookies. Made once, at the top level.
import http from "swarm/http";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 2,
  iterations: 10,
  thresholds: { checks: ["rate==1"], "http_req_failed{service:shop}": ["rate==0"] },
};

// Its requests bear the header and the tag.
const shop = new http.Client({
  baseURL: target,
  headers: { "X-Client": "sample", Accept: "application/json" },
  tags: { service: "shop" },
  timeout: "10s",
});

// A class makes an interface of one's own.
class Users extends http.Client {
  login(user) {
    return this.post("/login", { user, password: "demo" });
  }
  orders() {
    return this.get("/orders");
  }
}
const users = new Users({ baseURL: target, maxRedirects: 0 });

export default async function () {
  check(shop.get("/items"), { "a list came": (r) => r.status === 200 && r.json().length === 20 });

  // Cookies of one client are none of another's.
  users.login("ada");
  check(users.orders(), { "logged in": (r) => r.status === 200 });
  check(shop.get("/cookies"), { "no cookie here": (r) => r.json("session") === undefined });

  // Several at once, as each comes.
  const items = await Promise.all([1, 2, 3].map((id) => shop.asyncRequest("GET", shop.url`/items/${id}`)));
  check(items, { "each is the one asked for": (all) => all.every((r, i) => r.json("id") === i + 1) });
}
