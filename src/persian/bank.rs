//! The banks of Iran, known by the first six digits of a card and by three digits of a SHEBA.
//! Banks that were merged into another keep their name as long as their cards are in use.

use crate::locale::Tr;

macro_rules! banks {
    ($($bank:ident $message:ident [$($card:literal)*] [$($sheba:literal)*];)+) => {
        /// A bank or credit institution of Iran.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Bank { $($bank),+ }

        impl Bank {
            /// The issuer of the cards that begin with these six digits.
            pub fn of_card_prefix(prefix: &str) -> Option<Self> {
                match prefix {
                    $($($card => Some(Self::$bank),)*)+
                    _ => None,
                }
            }

            /// The bank of a SHEBA, by the three digits after the check digits.
            pub fn of_sheba_code(code: &str) -> Option<Self> {
                match code {
                    $($($sheba => Some(Self::$bank),)*)+
                    _ => None,
                }
            }
        }

        impl Tr {
            /// The name of a bank.
            pub fn bank(&self, bank: Bank) -> String {
                match bank {
                    $(Bank::$bank => self.$message(),)+
                }
            }
        }
    };
}

banks! {
    Ansar bank_ansar ["627381"] ["063"];
    Ayandeh bank_ayandeh ["636214"] ["062"];
    CentralBank bank_central ["636795"] ["010"];
    Day bank_day ["502938"] ["066"];
    EghtesadNovin bank_eghtesad_novin ["627412"] ["055"];
    Gardeshgari bank_gardeshgari ["505416"] ["064"];
    Ghavamin bank_ghavamin ["639599"] ["052"];
    Hekmat bank_hekmat ["636949"] ["065"];
    IranVenezuela bank_iran_venezuela ["581874"] ["095"];
    IranZamin bank_iran_zamin ["505785"] ["069"];
    Karafarin bank_karafarin ["627488" "502910"] ["053"];
    Keshavarzi bank_keshavarzi ["603770" "639217"] ["016"];
    Kosar bank_kosar ["505801"] ["073"];
    Maskan bank_maskan ["628023"] ["014"];
    MehrEghtesad bank_mehr_eghtesad ["639370"] ["079"];
    MehrIran bank_mehr_iran ["606373"] ["060"];
    Melal bank_melal ["606256"] ["075"];
    Mellat bank_mellat ["610433" "991975"] ["012"];
    Melli bank_melli ["603799" "170019"] ["017"];
    MiddleEast bank_middle_east ["585947" "505809"] ["078"];
    Noor bank_noor ["507677"] ["080"];
    Parsian bank_parsian ["622106" "639194" "627884"] ["054"];
    Pasargad bank_pasargad ["502229" "639347"] ["057"];
    PostBank bank_post ["627760"] ["021"];
    Refah bank_refah ["589463"] ["013"];
    Resalat bank_resalat ["504172"] ["070"];
    Saderat bank_saderat ["603769"] ["019"];
    Saman bank_saman ["621986"] ["056"];
    SanatMadan bank_sanat_madan ["627961"] ["011"];
    Sarmayeh bank_sarmayeh ["639607"] ["058"];
    Sepah bank_sepah ["589210"] ["015"];
    Shahr bank_shahr ["502806" "504706"] ["061"];
    Sina bank_sina ["639346"] ["059"];
    Tejarat bank_tejarat ["627353" "585983"] ["018"];
    Toseeh bank_toseeh ["628157"] ["051"];
    ToseehSaderat bank_toseeh_saderat ["627648" "207177"] ["020"];
    ToseehTaavon bank_toseeh_taavon ["502908"] ["022"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Language;

    #[test]
    fn a_bank_is_known_by_card_and_by_sheba_and_has_a_name() {
        assert_eq!(Bank::of_card_prefix("610433"), Some(Bank::Mellat));
        assert_eq!(Bank::of_sheba_code("012"), Some(Bank::Mellat));
        assert_eq!(Tr::new(Language::Fa).bank(Bank::Mellat), "بانک ملت");
        assert_eq!(Tr::new(Language::En).bank(Bank::Mellat), "Bank Mellat");
        assert_eq!(Bank::of_card_prefix("123456"), None);
        assert_eq!(Bank::of_sheba_code("999"), None);
    }
}
