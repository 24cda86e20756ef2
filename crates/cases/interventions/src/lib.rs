//! Interventions of suppliers' technicians on a hospital's equipment: request, approval by signature, window, session, report.
