"""The rows: what the four procedures say (S = SpaceCore, B = StackBill, H = HOSTKEY, Q = Binance/qPilot)."""

from types import MappingProxyType

#: Each row, and what the procedure says there.
SAYS = MappingProxyType(
    {
        "S1": "for suspicious accounts or ToS violation",
        "S2": "passport data via iDenfy + photo",
        "S3": "on average <=5 min",
        "S4": "confidentiality guaranteed",
        "S5": "may be auto-flagged",
        "S6": "same request appears in Support",
        "S7": "72 h to complete",
        "S8": "anonymous/temporary email excluded",
        "S9": "FraudRecord checked",
        "S10": "IP vs spam DB + Tor",
        "S11": "Client > Account Verification > Request verification",
        "S12": "new ticket titled 'KYC' in Request List",
        "S13": "follow link from message",
        "S14": "scan code to continue on phone",
        "S15": "select country of residence",
        "S16": "select document type",
        "S17": "result in same KYC ticket",
        "S18": "failure message",
        "S19": "sure it is right -> contact support",
        "B1": "personal details + ID docs; individuals or entities",
        "B2": "periodic refresh",
        "B3": "Company menu > My organization > Profile > KYC",
        "B4": "initial screen",
        "B5": "documents per provider requirement",
        "B6": ">=1 document of each category (ID and proof of address)",
        "B7": "submit after all required",
        "B8": "admin comments on document status",
        "B9": "issues: ticket or email admin",
        "B10": "popup: submitted successfully",
        "B11": "status Pending",
        "B12": "email once submitted",
        "B13": "approved -> Completed",
        "H1": "data used for copyright complaints / government requests",
        "H2": "mandatory for all clients",
        "H3": "relevant+correct; work email + mobile number required",
        "H4": "data auto-verified",
        "H5": "30 d from registration else no new orders",
        "H6": "abuse/legal notice -> unverified suspended",
        "H7": "no refund in these cases",
        "H8": "refunds to unverified impossible",
        "H9": "re-request or simply confirm existing data, plenty of time",
        "H10": "T&C: full, legit, up to date",
        "H11": "invitation on login",
        "H12": "also My profile submenu",
        "H13": "Start KYC Verification button",
        "H14": "4 steps: document, selfie, phone, email",
        "H15": "consent first",
        "H16": "scan/photo; ID card, passport, residence permit, driver's licence",
        "H17": "low quality -> reload",
        "H18": "selfie PC camera or mobile",
        "H19": "Continue on a phone: various options",
        "H20": "confirm phone",
        "H21": "verify email",
        "H22": "confirm correctness of entered data",
        "H23": "success message",
        "Q1": "mandatory; unlocks deposits/withdrawals/trading",
        "Q2": "levels; min Intermediate",
        "Q3": "Intermediate = data + ID doc + face",
        "Q4": "login + security verifications",
        "Q5": "profile menu or yellow Verify Now banner",
        "Q6": "country of residence",
        "Q7": "name, surname, DOB, nationality, address (street+no, city, zip, province)",
        "Q8": "must match exactly else rejection",
        "Q9": "ID card F+B, passport, licence F+B",
        "Q10": "A phone QR; B upload existing or webcam",
        "Q11": "face: centre, turn head, lit",
        "Q12": "Submit -> being processed",
        "Q13": "few min - 24 h",
        "Q14": "email on completion",
        "Q15": "approved: email + Verified in profile",
        "Q16": "rejected: email with reason",
        "Q17": "retry immediately",
        "Q18": "blur/reflection; data differs; expired; face failed",
    }
)
ROWS = tuple(SAYS)


class Ledger:
    """Which rows were fulfilled; each is printed once."""

    def __init__(self, say=print):
        self.fulfilled, self._say = {}, say

    def row(self, id_, words, held=True):
        """A row is fulfilled, when what was looked at `held`. Raises `AssertionError`."""
        assert id_ in ROWS, id_
        if not held:
            raise AssertionError(f"{id_} is not fulfilled: {words}")
        if id_ not in self.fulfilled:
            self.fulfilled[id_] = words
            self._say(f"  {id_:<4} {words}")

    @property
    def missing(self):
        return [each for each in ROWS if each not in self.fulfilled]
