// Each user has cookies of their own, as in a browser. They are forgotten after
// each iteration, unless the option noCookiesReset says otherwise.
import http from "swarm/http";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 2,
  iterations: 10,
  thresholds: { checks: ["rate==1"] },
};

export default function () {
  // The login sets a cookie, which goes along with what follows.
  const login = http.post(`${target}/login`, { user: "ada", password: "demo" }); // an object becomes a form
  check(login, { "a cookie was set": (r) => r.cookies.session[0].value.length > 0 });
  check(http.get(`${target}/orders`), { "logged in by cookie": (r) => r.status === 200 });

  // Cookies of one request, beside those of the jar.
  const seen = http.get(`${target}/cookies`, { cookies: { theme: "dark" } });
  check(seen, { "cookies were sent": (r) => r.json("theme") === "dark" && r.json("session") !== undefined });

  // The jar can be read and filled.
  const jar = http.cookieJar();
  jar.set(target, "lang", "en");
  check(http.get(`${target}/cookies`), { "from the jar": (r) => r.json("lang") === "en" });

  // Redirects are followed; every hop is a request of its own in the results.
  const followed = http.get(`${target}/redirect/3`);
  check(followed, { "arrived after three hops": (r) => r.status === 200 && r.url.endsWith("/redirect/0") });

  // Or not.
  const stayed = http.get(`${target}/redirect/3`, { redirects: 0 });
  check(stayed, { "the redirect itself": (r) => r.status === 302 && r.headers.Location === "/redirect/2" });
}
