//! The cluster's own certificate authorities and what they sign.
//!
//! There are three, because a certificate says as much as its authority is trusted for: `cluster` signs the
//! API server and its clients; `etcd` signs etcd and its one client, so that no client of the API server can
//! pass it by and read the store; `kubelet` signs the kubelet API and its one caller, the API server.
//! Authorities and the key that signs service account tokens are made once and kept; everything that they
//! sign is made anew at each start, so nothing else can expire or be damaged.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use jiff::{Span, Timestamp, Zoned, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use super::Error;
use super::data::Data;

/// Validity, in years.
const AUTHORITY_LASTS: i64 = 20;
const CERTIFICATE_LASTS: i64 = 2;

/// First address of the services' range, by which the API server is known inside the cluster.
const API_SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const API_NAMES: [&str; 5] =
    ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];

/// A certificate and its private key, as PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

/// Signs for one purpose.
pub struct Authority {
    name: &'static str,
    /// Its certificate, as PEM.
    pub certificate: String,
    /// Where the certificate is, for programs that want a file.
    pub file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    now: Timestamp,
}

impl Authority {
    /// The authority of this name, made when the folder has none.
    pub fn keep(data: &Data, name: &'static str, now: Timestamp) -> Result<Self, Error> {
        let (certificate_file, key_file) = (format!("certificates/{name}-ca.crt"), format!("certificates/{name}-ca.key"));
        let file = data.path(&certificate_file);
        if !file.exists() && !data.path(&key_file).exists() {
            let made = make_authority(name, now)
                .map_err(|error| Error::Certificate { what: format!("the authority \"{name}\""), reason: error.to_string() })?;
            // The key first: a certificate without its key would look like damage at the next start.
            data.write(&key_file, &made.key)?;
            data.write(&certificate_file, &made.certificate)?;
        }
        let damaged = |path: PathBuf, reason: String| Error::Damaged {
            what: format!("the certificate authority \"{name}\""),
            path,
            reason,
            remedy: "delete the folder it is in to have new authorities made, and use the kubeconfigs that are then written",
        };
        let read = |inside: &str| {
            let path = data.path(inside);
            std::fs::read_to_string(&path).map_err(|error| damaged(path, error.to_string()))
        };
        let certificate = read(&certificate_file)?;
        let key = KeyPair::from_pem(&read(&key_file)?).map_err(|error| damaged(data.path(&key_file), error.to_string()))?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key).map_err(|error| damaged(file.clone(), error.to_string()))?;
        Ok(Self { name, certificate, file, issuer, now })
    }

    /// A certificate for a server on 127.0.0.1.
    pub fn server(&self, name: &str) -> Result<Identity, Error> {
        self.sign(name, None, &[ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// A certificate that makes its bearer the user `name`, in at most one group.
    pub fn client(&self, name: &str, group: Option<&str>) -> Result<Identity, Error> {
        self.sign(name, group, &[ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// For a member of etcd, which is both to itself.
    pub fn peer(&self, name: &str) -> Result<Identity, Error> {
        let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(name, None, &both)
    }

    fn sign(&self, name: &str, group: Option<&str>, usages: &[ExtendedKeyUsagePurpose]) -> Result<Identity, Error> {
        let refuse = |error: rcgen::Error| Error::Certificate {
            what: format!("a certificate for {name} by the authority \"{}\"", self.name),
            reason: error.to_string(),
        };
        let serves = usages.contains(&ExtendedKeyUsagePurpose::ServerAuth);
        let names = if serves { API_NAMES.map(str::to_owned).to_vec() } else { Vec::new() };
        let mut params = CertificateParams::new(names).map_err(refuse)?;
        if serves {
            for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), API_SERVICE] {
                params.subject_alt_names.push(SanType::IpAddress(address));
            }
        }
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages.to_vec();
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, self.now, CERTIFICATE_LASTS);
        let key = KeyPair::generate().map_err(refuse)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refuse)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// Writes an identity for a program that wants files; the answer is its certificate's and its key's path.
pub fn write(data: &Data, name: &str, identity: &Identity) -> Result<(PathBuf, PathBuf), Error> {
    Ok((
        data.write(&format!("certificates/{name}.crt"), &identity.certificate)?,
        data.write(&format!("certificates/{name}.key"), &identity.key)?,
    ))
}

/// The key that signs service account tokens, made once: its private and its public half.
pub fn keep_token_key(data: &Data) -> Result<(PathBuf, PathBuf), Error> {
    let path = data.path("certificates/service-accounts.key");
    if !path.exists() {
        let key = KeyPair::generate()
            .map_err(|error| Error::Certificate { what: "the key for service account tokens".into(), reason: error.to_string() })?;
        data.write("certificates/service-accounts.key", &key.serialize_pem())?;
    }
    let damaged = |reason: String| Error::Damaged {
        what: "the key for service account tokens".into(),
        path: path.clone(),
        reason,
        remedy: "delete the file to have a new key made, and restart what runs as a service account",
    };
    let text = std::fs::read_to_string(&path).map_err(|error| damaged(error.to_string()))?;
    let key = KeyPair::from_pem(&text).map_err(|error| damaged(error.to_string()))?;
    let public = data.write("certificates/service-accounts.pub", &key.public_key_pem())?;
    Ok((path, public))
}

fn make_authority(name: &str, now: Timestamp) -> Result<Identity, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("sandbox {name} authority"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    valid_for(&mut params, now, AUTHORITY_LASTS);
    let key = KeyPair::generate()?;
    Ok(Identity { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// From the day before, so that a clock which is set back a little does no harm.
fn valid_for(params: &mut CertificateParams, now: Timestamp, years: i64) {
    let now = now.to_zoned(TimeZone::UTC);
    let day = |at: Zoned| {
        // jiff's months and days are positive and fit.
        rcgen::date_time_ymd(i32::from(at.year()), at.month().unsigned_abs(), at.day().unsigned_abs())
    };
    params.not_before = day(now.saturating_sub(Span::new().days(1)));
    params.not_after = day(now.saturating_add(Span::new().years(years)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-02-28T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_authority_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::open(folder.path()).unwrap();
        let first = Authority::keep(&data, "cluster", now()).unwrap();
        let second = Authority::keep(&data, "cluster", now()).unwrap();
        assert_eq!(first.certificate, second.certificate);
        assert!(second.client("mina", Some("system:masters")).is_ok());
        assert_eq!(keep_token_key(&data).unwrap(), keep_token_key(&data).unwrap());
    }

    #[test]
    fn a_damaged_or_missing_half_of_an_authority_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::open(folder.path()).unwrap();
        Authority::keep(&data, "cluster", now()).unwrap();
        let refusal = |data: &Data| match Authority::keep(data, "cluster", now()) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        };
        data.write("certificates/cluster-ca.crt", "no PEM").unwrap();
        assert!(refusal(&data).contains("cluster-ca.crt"), "{}", refusal(&data));
        std::fs::remove_file(data.path("certificates/cluster-ca.key")).unwrap();
        assert!(refusal(&data).contains("cluster-ca.key"), "{}", refusal(&data));
        assert_eq!(refusal(&data).lines().count(), 1, "{}", refusal(&data));
    }
}
