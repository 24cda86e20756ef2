// Records for a SIS that starts empty: for each patient of the ready line, three results and three documents, one of
// each held until a professional has announced it.

const INS_TEST = "urn:oid:1.2.250.1.213.1.4.10";
const CONFIDENTIALITY =
  "https://mos.esante.gouv.fr/NOS/TRE_A10-NiveauConfidentialite/FHIR/TRE-A10-NiveauConfidentialite";
const HELD = { system: CONFIDENTIALITY, code: "INVISIBLE_PATIENT" };
const NORMAL = { system: CONFIDENTIALITY, code: "N" };

/** One page, no words: enough for a reader to open it. */
const PDF = Buffer.from(
  "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
).toString("base64");

function observation(id, patient, [code, text, value, unit, low, high]) {
  return {
    resourceType: "Observation",
    id,
    status: "final",
    subject: { reference: `Patient/${patient}` },
    code: { coding: [{ system: "http://loinc.org", code }], text },
    valueQuantity: { value, unit, system: "http://unitsofmeasure.org", code: unit },
    referenceRange: [{ low: { value: low, unit }, high: { value: high, unit } }],
  };
}

function recordOf({ ins }, nth) {
  const patient = `elsewhere-${nth}`;
  const subject = { reference: `Patient/${patient}` };
  const resources = [
    {
      resourceType: "Patient",
      id: patient,
      identifier: [{ use: "official", system: INS_TEST, value: ins }],
      name: [{ use: "official", family: `ESSAI-${nth}`, given: ["Camille"] }],
      gender: "female",
      birthDate: "1970-01-01",
    },
  ];
  for (let i = 0; i < 3; i++) {
    const month = String(i + 1).padStart(2, "0");
    const values = [
      ["718-7", "Hémoglobine", 13.1 + i, "g/dL", 12, 16],
      ["6690-2", "Leucocytes", 6.4 + i, "10*9/L", 4, 10],
    ].map((value, at) => observation(`elsewhere-${nth}-observation-${i}${at}`, patient, value));
    resources.push(...values, {
      resourceType: "DiagnosticReport",
      id: `elsewhere-${nth}-report-${i}`,
      meta: { security: [i === 1 ? HELD : NORMAL] },
      status: "final",
      category: [{ coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0074", code: "LAB" }] }],
      code: { coding: [{ system: "http://loinc.org", code: "58410-2" }], text: `Numération ${i}` },
      subject,
      effectiveDateTime: `2026-${month}-03T08:00:00+01:00`,
      issued: `2026-${month}-03T15:00:00+01:00`,
      result: values.map(({ id }) => ({ reference: `Observation/${id}` })),
    });
    resources.push(
      { resourceType: "Binary", id: `elsewhere-${nth}-binary-${i}`, contentType: "application/pdf", data: PDF },
      {
        resourceType: "DocumentReference",
        id: `elsewhere-${nth}-document-${i}`,
        status: "current",
        type: { coding: [{ system: "http://loinc.org", code: "11490-0" }], text: "Lettre de liaison" },
        subject,
        date: `2026-${month}-05T10:00:00+01:00`,
        securityLabel: [{ coding: [i === 1 ? HELD : NORMAL] }],
        content: [
          {
            attachment: {
              contentType: "application/pdf",
              url: `Binary/elsewhere-${nth}-binary-${i}`,
              title: `Lettre de liaison ${i}`,
            },
          },
        ],
      },
    );
  }
  return resources;
}

/** The transaction that loads the records of `patients` ([{ login, ins }], the same person once). */
export function bundleFor(patients) {
  const distinct = [...new Map(patients.map((patient) => [patient.ins, patient])).values()];
  const entry = distinct.flatMap(recordOf).map((resource) => ({
    resource,
    request: { method: "PUT", url: `${resource.resourceType}/${resource.id}` },
  }));
  return { resourceType: "Bundle", type: "transaction", entry };
}
