// An authority and two leaves, for a server and its client, made by openssl for one run.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./demo.mjs";

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Returns the paths { ca, serverCert, serverKey, clientCert, clientKey }; the server's name is `server`. */
export function makeCertificates(server = "localhost") {
  const folder = temporaryFolder("certificates");
  const at = (name) => join(folder, name);
  const openssl = (...words) => execFileSync("openssl", words, { stdio: "pipe" });
  const authority = ["-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "2", "-subj", "/CN=Test authority"];
  openssl("req", "-x509", ...EC, ...authority);
  const leaf = (name, extensions) => {
    writeFileSync(at(`${name}.ext`), `basicConstraints=CA:FALSE\n${extensions}\n`);
    openssl("req", ...EC, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`), "-subj", `/CN=${name}`);
    const signing = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2"];
    openssl(
      "x509",
      "-req",
      "-in",
      at(`${name}.csr`),
      ...signing,
      "-extfile",
      at(`${name}.ext`),
      "-out",
      at(`${name}.pem`),
    );
    return [at(`${name}.pem`), at(`${name}.key`)];
  };
  const [serverCert, serverKey] = leaf("server", `subjectAltName=DNS:${server}\nextendedKeyUsage=serverAuth`);
  const [clientCert, clientKey] = leaf("door", "extendedKeyUsage=clientAuth");
  return { ca: at("ca.pem"), serverCert, serverKey, clientCert, clientKey };
}
