//! Rule packs, the engine that checks recordings against them, and reports.
