//! The exit codes of a trainer, and what each means to a person.
//!
//! One table for the program that exits and for the page that explains: the trainer returns these, `--help` lists them, and a
//! failed run's page shows the sentence. The numbers follow BSD's `sysexits` where one fits.

use serde::{Deserialize, Serialize};

/// Why a trainer ended with a code other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// 64: a flag is unknown, missing or out of range.
    BadFlags,
    /// 65: the data is there but cannot be read as what the flags say.
    BadData,
    /// 66: the data is not there.
    MissingData,
    /// 70: the loss or a gradient became NaN or infinite.
    NotFinite,
    /// 73: no checkpoint can be written: the volume is full or read-only.
    CannotWrite,
    /// 75: every checkpoint found is corrupt.
    CorruptCheckpoints,
    /// 76: the device asked for is missing or out of memory.
    Device,
    /// 143: stopped by SIGTERM after a checkpoint; a restart continues from it.
    Interrupted,
}

impl ExitReason {
    /// Every reason, in the order of its code.
    pub const ALL: [Self; 8] = [
        Self::BadFlags,
        Self::BadData,
        Self::MissingData,
        Self::NotFinite,
        Self::CannotWrite,
        Self::CorruptCheckpoints,
        Self::Device,
        Self::Interrupted,
    ];

    /// The process exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::BadFlags => 64,
            Self::BadData => 65,
            Self::MissingData => 66,
            Self::NotFinite => 70,
            Self::CannotWrite => 73,
            Self::CorruptCheckpoints => 75,
            Self::Device => 76,
            Self::Interrupted => 143,
        }
    }

    /// What it means, in one sentence without a full stop.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::BadFlags => "a flag is unknown, missing or out of range; the log's last line names it",
            Self::BadData => "the data cannot be read as the kind that was asked for; the log's last line says where",
            Self::MissingData => "the data is not where the run looks for it",
            Self::NotFinite => "the loss became NaN or infinite; a lower learning rate is the usual cure",
            Self::CannotWrite => "no checkpoint could be written: the volume is full or read-only",
            Self::CorruptCheckpoints => "every checkpoint of this run is corrupt; start it anew, or restore its volume",
            Self::Device => "the GPU that was asked for is missing or out of memory",
            Self::Interrupted => "it was told to stop, wrote a checkpoint and ended",
        }
    }

    /// The reason behind an exit code, if it is one of ours.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| i32::from(reason.code()) == code)
    }
}

/// What any exit code means, ours or the system's, in one sentence without a full stop.
pub fn explain(code: i32) -> String {
    if let Some(reason) = ExitReason::from_code(code) {
        return reason.sentence().to_owned();
    }
    match code {
        0 => "it ended well".to_owned(),
        1 => "the program failed; its last lines say why".to_owned(),
        2 => "the program refused how it was called".to_owned(),
        126 => "the program may not be executed".to_owned(),
        127 => "the program was not found in the image".to_owned(),
        137 => "it was killed (SIGKILL): out of memory, or it outlived its grace period".to_owned(),
        139 => "it crashed with a segmentation fault".to_owned(),
        129..=192 => format!("it was ended by signal {}", code - 128),
        _ => format!("the program ended with exit code {code}; its last lines say why"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_own() {
        for reason in ExitReason::ALL {
            assert_eq!(ExitReason::from_code(reason.code().into()), Some(reason));
        }
    }

    #[test]
    fn codes_of_the_system_are_explained() {
        assert!(explain(137).contains("SIGKILL"));
        assert!(explain(131).contains("signal 3"));
    }
}
