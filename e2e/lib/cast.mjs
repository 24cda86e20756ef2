// The people of the demonstration (crate `demo`), by login.

/** A patient; one of her results and one of her documents are held until announced. */
export const CAMILLE = "camille.durand";
/** A patient with more than a hundred documents. */
export const MARCEL = "marcel.pruvost";
/** A patient whose record is empty. */
export const INES = "ines.benali";
/** A patient like others. */
export const YANN = "yann.legoff";
/** A relative: her mother's results only, and the whole record of a child. */
export const SOPHIE = "sophie.rousselin";
/** A relative whose mandate is over. */
export const PAUL = "paul.pruvost";
/** A professional; one of her patients has changed physician. */
export const HELENE = "helene.castaing";
/** A professional without patients. */
export const THOMAS = "thomas.kerbrat";

// The second door's people.

/** A technician; his key for SSH is the demonstration's. */
export const ERWAN = "erwan.tanguy";
/** A technician of another supplier, without a key for SSH yet. */
export const KARIM = "karim.oukaci";
/** Answers for both machines. */
export const NADIA = "nadia.ferrand";
/** On call. */
export const ALINE = "aline.gicquel";
/** An administrator, who confirms passkeys. */
export const MAUD = "maud.kervella";
/** Directs Erwan's team. */
export const LISE = "lise.maillard";
/** In charge of security. */
export const PASCAL = "pascal.riou";
/** Controls the traces. */
export const DENIS = "denis.quemener";
/** Controls them too: two decide how long they are kept. */
export const SOLENN = "solenn.madec";
/** Data protection officer. */
export const ODILE = "odile.sarrazin";
/** An auditor from outside. */
export const VICTOR = "victor.leblond";
